"""Prometheus, Alertmanager and Grafana: their files, the dashboard's generator, and an exporter for machines."""
