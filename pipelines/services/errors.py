"""What goes wrong with a server that we start ourselves?"""


class ServiceError(Exception):
    """A server cannot be fetched, started or reached; one line says what to do."""
