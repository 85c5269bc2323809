"""Calls to other people's servers, by rules that no address from outside can bend."""
