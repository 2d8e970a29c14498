// Which sources the library is made of. Alone in its file, since it changes with each of them.
extern "C" const char* jaxcollapse_sources() { return SOURCES; }
