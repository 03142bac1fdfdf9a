"""The report's charts: what is drawn, in which colours and with which marks.

Put here drawings, each a pure function of what a query gave. Keep pages, sentences and files out: words are
`assets.report.words`, the rows that are drawn `assets.report.queries` and `assets.report.judgements.queries`.

A ``panel`` is drawn for the page, which has its legend and label around it; a ``figure`` stands alone. Both are drawn
in ``currentColor``, so that one drawing suits a light page, a dark one and paper. Widths and heights are pixels; times
whose names end in ``_us`` are microseconds, in ``_s`` seconds.
"""
