"""The parts of the Library page: `runs` (the tab's run into the library and back), `files` (it as a file) and `cards`
(what the library holds), `shelves` (whose it is)."""
