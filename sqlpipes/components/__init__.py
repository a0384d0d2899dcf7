"""The built-in components, one a file. They know what any other component knows: sqlpipes.core."""
