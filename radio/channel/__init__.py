"""What happens between a transmitter and a receiver: noise, fading, offsets."""
