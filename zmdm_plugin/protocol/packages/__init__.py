"""Packages of software as they are uploaded: what is in a `.pkg` or `.ipa`, and its manifest.

All readers get an open file and read no more of it than they announce: hostile archives are
refused with a reason, whatever their size.
"""
