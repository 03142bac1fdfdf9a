"""What traffic takes on AWS: grids of simulated cells, growth, and the smallest configuration that meets objectives.

Put here what is concluded from many simulated replays. Keep out how one is simulated (`resources.lab.what_if`) and how
results are kept (`resources.warehouse.grids`).
"""
