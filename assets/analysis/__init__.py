"""What the observations mean: outcomes, statistics, verdicts, claims, cost, the recommendation. Tables in, tables out.

Put here what is computed from stored observations. Keep out Dagster (the modules beside this folder), pages and words
for people (`assets.report`), and everything that touches an emulator (`resources`).
"""
