"""Imports: files of orders, customers, events, products and stores, each row once."""
