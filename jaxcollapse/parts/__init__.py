"""Parts of a process: tables of code that compiled programs depend on."""
