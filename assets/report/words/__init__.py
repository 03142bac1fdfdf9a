"""The report's words: how it names, writes and says what was found, for page, Markdown, terminal and plots alike.

Put here every word that is made when something is shown. Keep sentences out that are stored in a table, because the
report may not be asked for them: `assets.analysis.claims.wording`, `assets.analysis.verdicts.reasons` and
`assets.analysis.recommendation`. Numbers are `numbers`, names `titles`, what happened under a scenario `answers`, what
was judged `judged`.
"""
