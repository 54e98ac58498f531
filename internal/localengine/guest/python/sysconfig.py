# Stands in for CPython's generated _sysconfigdata, which holds the paths of the machine that built it. zoneinfo and sysconfig
# need the module to exist.
build_time_vars = {
    'VERSION': '3.13', 'prefix': '/usr/local', 'exec_prefix': '/usr/local', 'LIBDIR': '/usr/local/lib', 'LDLIBRARY': '',
    'TZPATH': '', 'SOABI': '', 'EXT_SUFFIX': '', 'MULTIARCH': '', 'CC': '', 'CFLAGS': '', 'Py_DEBUG': 0, 'Py_GIL_DISABLED': 0,
}
