"""What the lab can run on. One module each: how it is started, found healthy, named and ended."""
