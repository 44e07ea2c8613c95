"""Pure maths of points, pictures and head poses."""
