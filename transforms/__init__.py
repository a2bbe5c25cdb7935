"""What is computed: pure functions over tables of events, and the PTransforms that wire them."""
