"""The report on a comparison: one HTML page that opens offline, the same for pull requests and for machines.

Put here what people read of a comparison: its order, its words, its charts. Keep judging out (`assets.analysis`), and
the tables that it is made of (`resources.warehouse`).

`files` writes what `content` gathers: a part for each scenario (`cells`) and for everything that was judged
(`judgements`). `page`, `markdown` and `document` lay it out; `charts` and `words` serve Dagster and the terminal too.
"""
