"""The `joren` command."""

import os

# Before any library is loaded that reads it: fits search among three or four parameters, and threads for that do nothing but wait
# for each other. On two busy cores a fit took four times the CPU with them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - told to a library, in every process that the command starts

# A page that asked much gives its memory back at once, not a second later and only as the allocator of Polars is used again.
os.environ.setdefault("_RJEM_MALLOC_CONF", "muzzy_decay_ms:0")  # noqa: TID251 - likewise

# Of files of this machine four row groups are read ahead of work, not as many as Polars would of a remote store: at ten million
# customers that kept a hundred megabytes waiting, and was no faster.
if "://" not in os.environ.get("JOREN_LAKE", ""):  # noqa: TID251 - settings are read when libraries are there already
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "4")  # noqa: TID251 - likewise
