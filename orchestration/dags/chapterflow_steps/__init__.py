"""What are the steps of a run, here and on Google Cloud? The DAG files beside it order them."""
