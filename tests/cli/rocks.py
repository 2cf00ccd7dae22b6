"""RocksDB through its C library, for tests that write and read databases themselves."""

import ctypes
import ctypes.util

_lib = ctypes.CDLL(ctypes.util.find_library("rocksdb") or "librocksdb.so.7.8")
_FAMILIES = (b"default", b"reputation_cf")

for _name, _kind in {
    "rocksdb_options_create": ctypes.c_void_p,
    "rocksdb_readoptions_create": ctypes.c_void_p,
    "rocksdb_writeoptions_create": ctypes.c_void_p,
    "rocksdb_flushoptions_create": ctypes.c_void_p,
    "rocksdb_open_column_families": ctypes.c_void_p,
    "rocksdb_create_iterator_cf": ctypes.c_void_p,
    "rocksdb_iter_valid": ctypes.c_ubyte,
    "rocksdb_iter_key": ctypes.c_void_p,
    "rocksdb_iter_value": ctypes.c_void_p,
}.items():
    getattr(_lib, _name).restype = _kind


class Refused(Exception):
    """What RocksDB said."""


def _checked(error):
    if error.value:
        raise Refused(error.value.decode())


class Rocks:
    """A database with the two families of the guide's node."""

    def __init__(self, path):
        self.options = ctypes.c_void_p(_lib.rocksdb_options_create())
        _lib.rocksdb_options_set_create_if_missing(self.options, 1)
        _lib.rocksdb_options_set_create_missing_column_families(self.options, 1)
        names = (ctypes.c_char_p * 2)(*_FAMILIES)
        each = (ctypes.c_void_p * 2)(self.options, self.options)
        self.families = (ctypes.c_void_p * 2)()
        error = ctypes.c_char_p()
        self.db = ctypes.c_void_p(_lib.rocksdb_open_column_families(
            self.options, str(path).encode(), 2, names, each, self.families,
            ctypes.byref(error)))
        _checked(error)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for family in self.families:
            _lib.rocksdb_column_family_handle_destroy(ctypes.c_void_p(family))
        _lib.rocksdb_close(self.db)

    def put(self, key, value, family=0):
        error = ctypes.c_char_p()
        options = ctypes.c_void_p(_lib.rocksdb_writeoptions_create())
        key, value = key.encode(), value.encode()
        _lib.rocksdb_put_cf(
            self.db, options, ctypes.c_void_p(self.families[family]), key,
            ctypes.c_size_t(len(key)), value, ctypes.c_size_t(len(value)),
            ctypes.byref(error))
        _checked(error)

    def flush(self):
        error = ctypes.c_char_p()
        options = ctypes.c_void_p(_lib.rocksdb_flushoptions_create())
        _lib.rocksdb_flush(self.db, options, ctypes.byref(error))
        _checked(error)

    def all(self, family=0):
        """Every key with its value, in their order."""
        it = ctypes.c_void_p(_lib.rocksdb_create_iterator_cf(
            self.db, ctypes.c_void_p(_lib.rocksdb_readoptions_create()),
            ctypes.c_void_p(self.families[family])))
        length = ctypes.c_size_t()
        found = {}

        def text(at):
            return ctypes.string_at(at, length.value).decode()

        _lib.rocksdb_iter_seek_to_first(it)
        while _lib.rocksdb_iter_valid(it):
            key = text(_lib.rocksdb_iter_key(it, ctypes.byref(length)))
            found[key] = text(_lib.rocksdb_iter_value(it, ctypes.byref(length)))
            _lib.rocksdb_iter_next(it)
        _lib.rocksdb_iter_destroy(it)
        return found
