"""Campaigns that nearly every shop wants, ready to be made into a segment and a draft."""
