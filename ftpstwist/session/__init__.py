"""The server-PI's memory and judgement: tables and pure functions, no I/O, no clock."""
