"""Values -> text. One module a screen; nothing here reads the project or decides anything."""
