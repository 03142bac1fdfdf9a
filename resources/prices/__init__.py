"""What serving the recorded traffic would cost on AWS, in USD per million committed commands.

Belongs here: prices and assumptions (data files, read and checked), the model that turns counts into items, the
counting of what a comparison observed, and where architectures break even. Pure: a database connection in, Arrow out.
What is written down of it, and how it is drawn, is others' business.
"""
