"""What happened: the record of a run, where the time went, and a trace of it for Perfetto."""

from .record import CANCELLED, DISCARDED, OUTCOMES, RUNNING, USED, Batches, Timeline

__all__ = ["CANCELLED", "DISCARDED", "OUTCOMES", "RUNNING", "USED", "Batches", "Timeline"]
