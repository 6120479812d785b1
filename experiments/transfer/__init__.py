"""Weights that come from elsewhere: transfer learning and step-wise training."""
