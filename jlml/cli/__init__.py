"""The command line: arguments, messages, tables, help."""
