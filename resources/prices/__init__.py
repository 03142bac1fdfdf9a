"""What serving the recorded traffic would cost on AWS, in USD per million committed commands.

Put here prices, assumptions and the model that turns counts into a bill. Keep out the counting of what a comparison
observed (`assets.analysis.cost`).
"""
