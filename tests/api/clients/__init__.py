"""What customers write with clients that are made of our document: one story, three times."""
