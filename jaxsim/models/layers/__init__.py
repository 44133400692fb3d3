"""Layers and whole trunks that several families are made of: vision transformers, windows, convolutions."""
