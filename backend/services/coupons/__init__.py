"""Coupons: the book of definitions, giving them out, the ledger of pairs, and writing down what expired."""
