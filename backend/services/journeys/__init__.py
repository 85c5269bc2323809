"""Campaigns that begin person by person, and journeys: letting people in, leading them on, looking at them."""
