"""Contracts on data: rules as data, how batches are held against them, and what becomes of rows that break one."""
