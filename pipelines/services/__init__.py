"""How are Kafka, Redis and Flink started on this machine, without containers?

From jars and packages that Maven and pip fetch once; `python -m pipelines.services up` starts all.
"""

from pipelines.services.errors import ServiceError as ServiceError
