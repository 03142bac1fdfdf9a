"""The report's words: how it names, writes and says what was found, for page, Markdown, terminal and plots alike.

Put here words that are made when something is shown. Keep sentences out that are stored in a table, since what stores
them may not import the report (`assets.analysis.claims.wording`, `assets.analysis.verdicts.reasons`,
`assets.analysis.recommendation`). Numbers are `numbers`, names `titles`, what happened under a scenario `answers`, what
was judged `judged`.
"""
