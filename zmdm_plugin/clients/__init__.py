"""One class per service of Apple: plain values in, plain values out."""
