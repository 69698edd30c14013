"""The receiver of webhooks: checks, keeps, answers. What is to be done about them is the engine's business."""
