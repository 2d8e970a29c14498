"""The most that a sweep, and the files that it reads, may ask for. They are held to it before memory is taken.

The bounds leave room for any work that a large machine does in days. They end where a number would not fit its type, or
a file could keep its reader busy for minutes. What is within them may be too much for a machine: the plan says so.
"""

# The text of a sweep file. TOML of a million values takes five seconds to read.
MOST_SWEEP_BYTES = 2**25
MOST_WRITTEN = 2**20  # values, so two lists of a large vocabulary
MOST_LINES = 2**21
MOST_KEYS = 2**16  # signs =; a list of as many initial distributions as are allowed has no more
MOST_HEADERS = 2**15  # lines that begin a table
MOST_LISTS = 2**19  # signs [
MOST_ESCAPES = 2**22  # signs \
MOST_NAMES = 1000  # of observables
MOST_DEPTH = 32  # of tables in tables, or of the parts of a key
MOST_TITLE = 1000  # characters

MOST_SHARES = 100_000  # of a study, or tasks of a job array

# The grid.
MOST_VALUES = 100_000  # of an axis
MOST_AXES = 28  # an array of HDF5 has 32 dimensions, of which replicates, generations, rows and tokens take four
MOST_COLUMNS = 100  # fields of a zip
MOST_TABLES = 1000  # [[grid]]
MOST_CELLS = 2_000_000
MOST_TRAJECTORIES = 100_000_000
MOST_INITIALS = 2**14  # distinct initial distributions, each of which is an object
MOST_GENERATIONS = 2**31 - 1  # they are int32
MOST_POINTS = 1_000_000  # recorded generations
MOST_TEXTS, MOST_TEXT = 1000, 4096  # recorded texts, and tokens of each

# A cell.
MOST_COUNT = 2_000_000_000  # traces, steps: counts are int32
MOST_TOKENS = 2**24  # up to here float32 has every whole number
MOST_LOGIT = 1e30  # in absolute value, unless it is −∞; float32 goes a little further
MOST_CONTEXTS = 2**13  # rows of a table
MOST_ORDER = 12  # of a chain: two tokens have 8190 windows of up to 12
MOST_WIDTH = 2**16  # of a layer, or of the vectors of a factor
MOST_LAYERS = 64

# The initial distributions of a sweep together.
MOST_NUMBERS = 2**27  # in all tables, context by token: 1 GiB
MOST_DRAWN = 2**23  # of which drawn at random: half a minute's work

# What theory is computed for beside a dataset.
MOST_FORETOLD = 2**26  # samples times tokens times recorded generations, each a number: half a GiB

# A file that an initial distribution is read from.
MOST_INPUT_BYTES = 2**30
MOST_TEXT_BYTES = 2**26  # of a text whose tokens are counted: half a minute as words
MOST_INFLATION = 1032  # of what deflate compresses: a file cannot hold more bytes than this times its own
MOST_NAME = 1000  # characters of a token's name
