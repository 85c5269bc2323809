"""A local server that speaks FCM's HTTP v1 protocol, so that a push can be seen and every fault rehearsed.

There is no official one. It takes what firebase-admin sends, answers as FCM does (error bodies included), hands
accepted messages to phone pages by server-sent events, and counts what arrived at each address, so that a test
can prove "sent once". It listens on this machine only and knows nothing of Google.
"""
