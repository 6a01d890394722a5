-- Roles that everything.sql and liferay.ts hand things to. Roles belong to the server, not to a database: load once per server,
-- as a superuser.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['seed_owner', 'seed_reader', 'seed_writer', 'seed_auditor', 'Seed "Odd" Röle, ;', 'liferay',
  'liferay_report'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
  END LOOP;
END
$$;
GRANT seed_reader TO seed_writer;
GRANT seed_owner TO CURRENT_USER;
