"""Many simulated devices in one process: they enroll, wait for pushes, and live on.

cli reads the command line; build makes the devices; store keeps them between runs; clock runs what
is due later; runner holds a device's work in order; work is what they do, upkeep when they do it by
themselves; pushes listens to the played Apple; fleet puts it together.
"""
