"""What transfer to a small set is measured on, and how."""
