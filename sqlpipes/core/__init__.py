"""The glossary: frozen values that every room passes on. No files, no clock, no warehouse."""
