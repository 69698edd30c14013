"""The desk: what people may see, and ask for."""

from siscon.store.database import Database as Database
