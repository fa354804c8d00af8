// Placeholder, removed when the first file arrives.
