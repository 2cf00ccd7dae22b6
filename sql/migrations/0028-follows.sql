-- What one subscriber hears of, for who asks what he follows.
CREATE INDEX subscription_of ON subscription (subscriber, subject_kind, subject);
