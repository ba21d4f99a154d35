"""What goes wrong and is the user's to see: printed without a traceback."""


class KafkaError(Exception):
    """A failure whose message says what is wrong and, where known, what to do."""
