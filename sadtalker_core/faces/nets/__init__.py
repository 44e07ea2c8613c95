"""Networks that find faces and measure them."""
