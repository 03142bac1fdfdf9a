"""What the replayed traffic would cost on AWS: quantities counted from outcomes, priced by a dated list.

Put here counting and comparing costs. Keep out the price list and the price model (`resources.prices`).
"""
