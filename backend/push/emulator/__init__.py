"""A local server that answers as FCM HTTP v1 does and shows what a phone would."""
