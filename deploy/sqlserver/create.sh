#!/bin/bash
# The server's image makes no database of its own: this makes it, and the login of the product, once.
# Row versions keep readers from waiting for writers.
set -euo pipefail
export SQLCMDPASSWORD SQLCMDUSER=sa SQLCMDSERVER=sqlserver
SQLCMDPASSWORD="$(cat /run/secrets/sa_password)"
password="$(cat /run/secrets/database_password)"
/opt/mssql-tools18/bin/sqlcmd -C -b <<SQL
IF DB_ID('forecastle') IS NULL BEGIN
  CREATE DATABASE forecastle;
  ALTER DATABASE forecastle SET READ_COMMITTED_SNAPSHOT ON;
END
GO
IF SUSER_ID('forecastle') IS NULL CREATE LOGIN forecastle WITH PASSWORD = '$password', DEFAULT_DATABASE = forecastle;
ELSE ALTER LOGIN forecastle WITH PASSWORD = '$password';
GO
USE forecastle;
GO
IF USER_ID('forecastle') IS NULL BEGIN
  CREATE USER forecastle FOR LOGIN forecastle;
  ALTER ROLE db_owner ADD MEMBER forecastle;
END
GO
SQL
