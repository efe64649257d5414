-- Deliveries are listed by how they stand, the newest first.

-- +goose Up

create index delivery_state on delivery (state, number);
